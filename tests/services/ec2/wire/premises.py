"""Premises: strongSwan and BIRD as a customer runs them, of the system's own, on an instance that stands for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import xml.etree.ElementTree as Xml
from pathlib import Path

LIMIT = 20.0
PLUGINS = "kernel-libipsec kernel-netlink socket-default random nonce openssl aes sha1 sha2 hmac gcm gmp kdf "
PLUGINS += "pem pkcs1 pkcs8 x509 pubkey constraints vici"
GROUPS = {"group2": "modp1024", "group14": "modp2048", "group19": "ecp256"}
PATHS = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))


class Gateway:
    """A customer's device in a namespace; `address` is in its network, which a connection is to reach."""

    def __init__(self, namespace: str, address: str, folder: Path) -> None:
        self.namespace = namespace
        self.address = address
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.run("ip", "address", "replace", f"{address}/32", "dev", "lo")

    def run(self, *words: str) -> str:
        done = subprocess.run(["ip", "netns", "exec", self.namespace, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *words: str, **environment: str) -> None:
        enter = ["nsenter", f"--net=/run/netns/{self.namespace}", "setpriv", "--pdeathsig", "KILL"]
        told = {**os.environ, "PATH": PATHS, **environment}
        silent = subprocess.DEVNULL
        self._processes.append(subprocess.Popen([*enter, *words], env=told, stdout=silent, stderr=silent))

    def tunnel(
        self, configuration: str, number: int, version: int = 2, certificates: dict[str, str] | None = None
    ) -> None:
        """Bring up a tunnel as its XML says; it begins, and gets the device `ipsec0` or `ipsec1`."""
        told = Xml.fromstring(configuration).findall("ipsec_tunnel")[number]
        inside, length = (told.findtext(f"customer_gateway/tunnel_inside_address/{what}") for what in INSIDE)
        home = self.folder / str(number)
        home.mkdir()
        (home / "strongswan.conf").write_text(settings(home, "port = 0\nport_nat_t = 0" if number else ""))
        (home / "swanctl.conf").write_text(connection(told, version, bool(certificates)))
        for place, text in (certificates or {}).items():
            (home / place).parent.mkdir()
            (home / place).write_text(text)
        self.start("charon-systemd", STRONGSWAN_CONF=str(home / "strongswan.conf"))
        until(lambda: (home / "vici").exists() and self.asked(number, "--stats"))
        self.run("ip", "address", "replace", f"{inside}/{length}", "dev", f"ipsec{number}")
        self.run("ip", "rule", "del", "priority", "220")  # strongSwan's own: everything through one tunnel
        assert self.asked(number, "--load-all", "--file", str(home / "swanctl.conf"))
        until(lambda: self.asked(number, "--initiate", "--child", "aws", "--timeout", "5"))

    def asked(self, number: int, *words: str) -> bool:
        """Whether strongSwan does what it is told by its own tool."""
        words = ("swanctl", *words, "--uri", f"unix://{self.folder}/{number}/vici")
        told = {**os.environ, "PATH": PATHS, "SWANCTL_DIR": f"{self.folder}/{number}"}
        return subprocess.run(words, capture_output=True, env=told).returncode == 0

    def route(self, block: str, number: int) -> None:
        """Send what is for a block through a tunnel."""
        self.run("ip", "route", "replace", block, "dev", f"ipsec{number}", "src", self.address)

    def speak(self, configuration: str, *blocks: str) -> None:
        """Tell of blocks by BGP in all tunnels, and route by what is told."""
        lines = [
            "log stderr all;\nrouter id 169.254.255.1;\nprotocol device { scan time 1; }",
            f"protocol kernel {{ ipv4 {{ export filter {{ krt_prefsrc = {self.address}; accept; }}; }}; }}",
            "protocol static { ipv4 { import where true; export none; };",
            *(f"route {block} blackhole;" for block in blocks),
            "}",
        ]
        for told in Xml.fromstring(configuration).findall("ipsec_tunnel"):
            (own, asn), (other, theirs) = (
                (told.findtext(f"{end}/tunnel_inside_address/ip_address"), told.findtext(f"{end}/bgp/asn"))
                for end in ENDS
            )
            lines.append(
                f"protocol bgp {{ local {own} as {asn}; neighbor {other} as {theirs}; connect delay time 1; "
                "ipv4 { import all; export where source = RTS_STATIC; }; }"
            )
        (self.folder / "bird.conf").write_text("\n".join(lines))
        places = ("-c", str(self.folder / "bird.conf"), "-s", str(self.folder / "ctl"), "-P", str(self.folder / "pid"))
        self.start("bird", "-f", *places)

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def settings(home: Path, more: str = "") -> str:
    """A strongswan.conf. Two in one namespace need other ports."""
    plugins = f"plugins {{\nvici {{\nsocket = unix://{home}/vici\n}}\nkernel-libipsec {{\nload = yes\n}}\n}}"
    lines = ("charon-systemd {", f"load = {PLUGINS}", more, "install_routes = no", "journal {", "default = -1", "}")
    return "\n".join((*lines, plugins, "}", ""))


def connection(told: Xml.Element, version: int, certified: bool = False) -> str:
    """A swanctl.conf, as a tunnel's part of AWS's XML says. Certificates are in the folders of swanctl's."""
    ours, theirs = (told.findtext(f"{end}/tunnel_outside_address/ip_address") for end in ENDS)
    ike, esp = cipher(told, "ike"), cipher(told, "ipsec")
    lines = (
        f"connections {{\naws {{\nversion = {version}\nremote_addrs = {theirs}\nproposals = {ike}\nencap = yes",
        "local {\nauth = pubkey\ncerts = device.pem\n}\nremote {\nauth = pubkey\ncacerts = ca.pem\n}"
        if certified
        else f"local {{\nauth = psk\nid = {ours}\n}}\nremote {{\nauth = psk\nid = {theirs}\n}}",
        f"children {{\naws {{\nesp_proposals = {esp}\nlocal_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0\n}}\n}}\n}}\n}}",
        f'secrets {{\nike-aws {{\nsecret = "{told.findtext("ike/pre_shared_key")}"\n}}\n}}\n',
    )
    return "\n".join(lines)


ENDS = ("customer_gateway", "vpn_gateway")
INSIDE = ("ip_address", "network_cidr")


def cipher(told: Xml.Element, phase: str) -> str:
    """What AWS's XML names, as a proposal of strongSwan's."""
    encryption = (told.findtext(f"{phase}/encryption_protocol") or "").removesuffix("-cbc").replace("-", "")
    integrity = (told.findtext(f"{phase}/authentication_protocol") or "").removeprefix("hmac-").removesuffix("-96")
    return "-".join((encryption, integrity, GROUPS[told.findtext(f"{phase}/perfect_forward_secrecy") or ""]))


def until(true: object) -> None:
    assert callable(true)
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
