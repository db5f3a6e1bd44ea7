"""The independent auditor: reads only Kafka and the public views, shares no code with the engine."""
