"""The copy as python-ldap's own classes suggest it, in a `shelve` file, for the benchmark.

with_python_ldap.py refresh|follow URL BIND-DN PASSWORD BASE DATA
"""

import shelve
import signal
import sys

import ldap
from ldap.ldapobject import ReconnectLDAPObject
from ldap.syncrepl import SyncreplConsumer

mode, url, who, password, base, data = sys.argv[1:]


class Consumer(ReconnectLDAPObject, SyncreplConsumer):
    """Keeps each entry under its entryUUID, and prints what changed."""

    def __init__(self, db_path, *args, **kwargs):
        self.data = shelve.open(db_path, "c")
        self.present = {}
        self.following = False
        super().__init__(*args, **kwargs)

    def syncrepl_get_cookie(self):
        return self.data.get("cookie")

    def syncrepl_set_cookie(self, cookie):
        self.data["cookie"] = cookie

    def syncrepl_refreshdone(self):
        self.following = True
        sys.stdout.flush()

    def syncrepl_entry(self, dn, attributes, uuid):
        self.present[uuid] = True
        before = self.data.get(uuid)
        if before == (dn, attributes):
            return
        self.data[uuid] = (dn, attributes)
        title = attributes.get("title", [b""])[0].decode()
        sys.stdout.write(f"{'change' if before else 'add'} {dn}\ntitle: {title}\n")
        if self.following:
            self.data.sync()
            sys.stdout.flush()

    def syncrepl_delete(self, uuids):
        for uuid in uuids:
            gone = self.data.pop(uuid, None)
            if gone:
                sys.stdout.write(f"delete {gone[0]}\n")

    def syncrepl_present(self, uuids, refreshDeletes=False):
        if uuids is None:
            if not refreshDeletes:
                gone = [u for u in self.data if u != "cookie" and u not in self.present]
                self.syncrepl_delete(gone)
            self.present = {}
        elif refreshDeletes:
            self.syncrepl_delete(uuids)
        else:
            for uuid in uuids:
                self.present[uuid] = True


def stop(*_):
    raise SystemExit


signal.signal(signal.SIGTERM, stop)
consumer = Consumer(data, url)
consumer.simple_bind_s(who, password)
follow = mode == "follow"
search = consumer.syncrepl_search(
    base,
    ldap.SCOPE_SUBTREE,
    mode="refreshAndPersist" if follow else "refreshOnly",
    filterstr="(objectClass=*)",
)
try:
    while consumer.syncrepl_poll(all=1, msgid=search):
        pass
finally:
    consumer.data.close()
