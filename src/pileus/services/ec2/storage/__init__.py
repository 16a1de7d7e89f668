"""What is kept: volumes, snapshots, images.

    volumes, volume_types, volume_status        disks, what they may be, how they are
    attachments, devices, roots                 disks and instances; as machines see them; what machines boot from
    modifications, root_replacements            how they change
    encryption                                  under which keys, by default or as asked
    snapshots, snapshotting, snapshot_copies    what volumes held at a moment
    snapshot_sharing, _tiers, _locks            who may use them; the archive; who may delete them
    fast_restores                               volumes that are there at once
    images, registering, image_attributes       what instances start from
    image_usage, fast_launch, fpga_images       who uses them; prepared ones of Windows; those of FPGAs
    image_lives, allowing                       deprecated, disabled, protected; which ones an account allows itself
    importing, conversions, exporting, storing  from S3, and to it
    associated_keys                             further keys of snapshots
    sharing, public_access                      what others may use
    recycle_bin                                 what was deleted and is kept
    announcing, zones                           events; places

Left out: bundles of instance stores.
"""
