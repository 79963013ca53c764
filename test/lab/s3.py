"""OpenStack Swift with its S3 API: all four of its servers in one process. s3.py DIRECTORY PORT BUCKET

Takes the keys of its one user from LAB_S3_ACCESS_KEY (ACCOUNT:USER) and LAB_S3_SECRET_KEY, makes the bucket, then answers on
127.0.0.1:PORT. Everything that it writes is in DIRECTORY. Configuration: https://docs.openstack.org/swift/latest/config/
"""
# ruff: noqa: E402
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import eventlet
from eventlet import wsgi

# Before swift is imported, which takes sockets and threads from there.
eventlet.monkey_patch()

from swift.common import utils
from swift.common.ring.builder import RingBuilder
from swift.common.swob import Request
from swift.common.wsgi import SwiftHttpProtocol, loadapp, make_pre_authed_request

directory, s3_port, bucket = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
account, user = os.environ["LAB_S3_ACCESS_KEY"].split(":")

# Swift writes to syslog and nowhere else; nobody listens on port 9. `get_logger` below sends it to stderr too.
DEFAULT = f"""
[DEFAULT]
swift_dir = {directory}
devices = {directory}
mount_check = false
fallocate_reserve = 0
log_level = ERROR
log_udp_host = 127.0.0.1
log_udp_port = 9
"""

STORAGE = """
[pipeline:main]
pipeline = server
[app:server]
use = egg:swift#{}
"""

PROXY = f"""
[pipeline:main]
pipeline = healthcheck listing_formats s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {os.environ["LAB_S3_SECRET_KEY"]} .admin
[filter:slo]
use = egg:swift#slo
"""


def load(name, text):
    path = directory / f"{name}.conf"
    path.write_text(DEFAULT + text)
    return loadapp(str(path), global_conf={"log_name": name})


# Swift's own run_server does the same, for one server per process. The SDKs want `ETag`, not `Etag`.
def serve(sock, app):
    options = dict(protocol=SwiftHttpProtocol, capitalize_response_headers=False, log_output=False)
    return eventlet.spawn(wsgi.server, sock, app, **options)


# Swift keeps an object's metadata in extended attributes. Where the file system has none (an older tmpfs), memory will do.
def object_server():
    try:
        os.setxattr(directory, "user.swift", b"")
        return "object"
    except OSError:
        return "mem_object"


def write_ring(name, port):
    builder = RingBuilder(part_power=1, replicas=1, min_part_hours=0)
    builder.add_dev(dict(region=1, zone=1, ip="127.0.0.1", port=port, device="device", weight=1.0))
    builder.rebalance()
    builder.get_ring().save(str(directory / f"{name}.ring.gz"))


# The proxy asks for memcached, and works with one that knows nothing.
def without_memcached(app):
    def forget(*_, **__):
        return None

    cache = SimpleNamespace(get=forget, set=forget, delete=forget, incr=forget)

    def call(env, start_response):
        env["swift.cache"] = cache
        return app(env, start_response)

    return call


def make_bucket(app):
    request = make_pre_authed_request(Request.blank("/").environ, "PUT", f"/v1/AUTH_{account}/{bucket}")
    status = request.get_response(app).status_int
    assert status in (201, 202), f"making the bucket: HTTP {status}"


def main():
    (directory / "device").mkdir()
    (directory / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = lab\n")
    utils.set_swift_dir(str(directory))
    utils.get_logger.console_handler4logger = {}
    for name, kind in dict(account="account", container="container", object="object").items():
        sock = eventlet.listen(("127.0.0.1", 0))
        write_ring(name, sock.getsockname()[1])
        serve(sock, load(name, STORAGE.format(kind)))
    app = without_memcached(load("proxy", PROXY))
    make_bucket(app)
    serve(eventlet.listen(("127.0.0.1", s3_port), backlog=1024), app).wait()


main()
