#pragma once
// The journal's values by the names that this room calls them. They are those of the port, because
// the store writes and loads them.

#include "ports/saga_journal.hpp"

namespace admitone::saga {

using Kind = ports::SagaKind;
using Status = ports::SagaStatus;
using Input = ports::SagaInput;
using ports::Saga;
using ports::StepId;
using ports::StepJournal;
using ports::StepStatus;

}  // namespace admitone::saga
