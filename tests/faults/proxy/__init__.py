"""A proxy that understands the frames of Kafka and PostgreSQL and does harm to chosen ones."""
