-- What operators change about sagas (src/contract/saga_change.hpp): AdmitOne's own, no command of the
-- contract. It owns no key and has no outcome; its verdict is in record_ledger.
insert into type_names values ('command', 100, 'admitone.saga.change.v1');
