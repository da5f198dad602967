"""The copy as syncrepl_client makes it, for the benchmark.

with_syncrepl_client.py refresh|follow URL BIND-DN PASSWORD BASE DATA
"""

import signal
import sys
from urllib.parse import quote

from syncrepl_client import Syncrepl, SyncreplMode
from syncrepl_client.callbacks import BaseCallback

mode, url, who, password, base, data = sys.argv[1:]


class Printed(BaseCallback):
    """Prints what is told: of an entry its DN and its title, of the others the DN."""

    @staticmethod
    def _show(what, dn, attributes):
        title = attributes.get("title", [b""])[0].decode()
        sys.stdout.write(f"{what} {dn}\ntitle: {title}\n")
        if mode == "follow":
            sys.stdout.flush()

    @classmethod
    def record_add(cls, dn, attrs):
        cls._show("add", dn, attrs)

    @classmethod
    def record_change(cls, dn, old_attrs, new_attrs):
        cls._show("change", dn, new_attrs)

    @classmethod
    def record_delete(cls, dn):
        sys.stdout.write(f"delete {dn}\n")


bind = f"bindname={quote(who, safe='')},X-BINDPW={quote(password, safe='')}"
follow = mode == "follow"
client = Syncrepl(
    data_path=data,
    callback=Printed,
    mode=SyncreplMode.REFRESH_AND_PERSIST if follow else SyncreplMode.REFRESH_ONLY,
    ldap_url=f"{url}/{base}??sub?(objectClass=*)?{bind}",
)
signal.signal(signal.SIGTERM, lambda *_: client.please_stop())
while client.poll():
    pass
client.unbind()
