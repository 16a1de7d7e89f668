#!/bin/bash
# Prints the keys that let a user in for a moment, for sshd: the metadata service knows them.
[ $# = 2 ] || exec timeout 3 "$0" "$1" asking
service=169.254.169.254
ask() { # method, path, header
    exec 3<>"/dev/tcp/$service/80" || exit 0
    printf '%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n' "$1" "$2" $service "$3" >&3
    read -r _ status _ <&3
    [ "$status" = 200 ] && sed '1,/^\r*$/d' <&3
}
{
    token=$(ask PUT /latest/api/token 'X-aws-ec2-metadata-token-ttl-seconds: 60')
    ask GET "/latest/meta-data/managed-ssh-keys/active-keys/$1" "X-aws-ec2-metadata-token: $token"
} 2>/dev/null
exit 0
