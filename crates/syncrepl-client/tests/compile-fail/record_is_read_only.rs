use syncrepl_client::Record;

fn replace(record: &mut Record<'_>) {
    record.dn = "uid=ann";
}

fn main() {}
