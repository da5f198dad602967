use syncrepl_client::Record;

fn change(record: &Record<'_>) {
    for value in record.attrs().values("cn") {
        value[0] = b'x';
    }
}

fn remove(record: &Record<'_>) {
    record.attrs().remove("cn");
}

fn main() {}
