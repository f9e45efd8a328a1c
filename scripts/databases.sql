-- Run once by docker-compose's Postgres, when its data folder is new.
create database ledger;
create database legacy;
