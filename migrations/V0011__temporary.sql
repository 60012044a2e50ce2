-- TEMPORARY: V0011 is the hits'.
select 1;
