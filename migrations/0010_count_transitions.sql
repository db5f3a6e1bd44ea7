-- How often a saga's transition was begun alone since one was last written: a lane's owner counts before it
-- tries what an owner may have died of, or what the database has refused.
alter table sagas add column begun_alone int not null default 0;
