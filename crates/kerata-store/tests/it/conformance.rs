use kerata_store::faulty::FaultPlan;
use kerata_store::{FaultyStorage, LocalStorage, MemoryStorage, conformance};

#[test]
fn memory_storage_conforms() {
    conformance::check(&MemoryStorage::new()).unwrap();
}

#[test]
fn local_storage_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check(&LocalStorage::new(folder.path())).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn faulty_storage_conforms_when_nothing_fails() {
    conformance::check(&FaultyStorage::new(FaultPlan::none())).unwrap();
    conformance::check(&FaultyStorage::new(FaultPlan::none().without_exchange())).unwrap();
}
