pub(super) async fn run(_walk: &mut super::super::walk::Walk) -> String {
    String::new()
}
