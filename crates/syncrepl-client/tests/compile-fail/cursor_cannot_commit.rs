use syncrepl_client::Cursor;

fn mine(cursor: &Cursor<'_>) {
    cursor.commit();
}

fn theirs(cursor: &Cursor<'_>) {
    cursor.rollback();
}

fn main() {}
