-- What the screens of segments read beside `serving_tables.sql`; the real ones are in dbt/models and dbt/seeds.
create schema if not exists seeds; create schema if not exists segments;
alter table people.dim_people add column has_whatsapp_consent boolean;
create table seeds.regions (position integer, region varchar, region_name varchar, country_code varchar);
insert into seeds.regions values (1, 'eu', 'European Union', 'DE'), (1, 'eu', 'European Union', 'FR'),
  (2, 'north_america', 'North America', 'US');
create table seeds.country_defaults (country_code varchar, country_name varchar);
insert into seeds.country_defaults values ('DE', 'Germany'), ('FR', 'France'), ('US', 'United States');
create table segments.segment_memberships (segment_key varchar, person_id bigint, entered_at timestamp,
  left_at timestamp, rule_version integer, recorded_at timestamp, left_recorded_at timestamp, entered_cause varchar,
  left_cause varchar, entered_change bigint, left_change bigint);
create table segments.segment_sizes (segment_key varchar, day date, members_count bigint, entered_count bigint,
  left_count bigint, _change_number bigint);
create table segments.segment_catalogue (position integer, kind varchar, key varchar, event_key varchar,
  label varchar, type varchar, group_name varchar, table_name varchar, column_name varchar, person_column varchar,
  at_column varchar, filter_sql varchar, data_type varchar, unit varchar, currency_column varchar, channel varchar,
  default_op varchar, description varchar, is_personal boolean);
insert into segments.segment_catalogue by name
  select row_number() over () as position, 'field' as kind, key, '' as event_key, label, type, group_name,
    'people.dim_people' as table_name, key as column_name, 'person_id' as person_column, '' as at_column,
    '' as filter_sql, data_type, '' as unit, currency_column, channel, '' as default_op, label as description,
    is_personal
  from (values
    ('email', 'E-mail address', 'text', 'Person', 'varchar', '', '', true),
    ('lifecycle', 'Lifecycle stage', 'text', 'Person', 'varchar', '', '', false),
    ('birthday', 'Birthday', 'date', 'Person', 'date', '', '', true),
    ('last_seen_at', 'Last active', 'date', 'Person', 'timestamp', '', '', false),
    ('country_code', 'Country', 'geography', 'Place', 'varchar', '', '', false),
    ('orders_count', 'Orders', 'number', 'Buying', 'bigint', '', '', false),
    ('revenue_cents', 'Revenue', 'money', 'Buying', 'bigint', 'currency_code', '', false),
    ('last_order_at', 'Last order', 'date', 'Buying', 'timestamp', '', '', false),
    ('has_email_consent', 'Consent to e-mail', 'consent', 'Consent', 'boolean', '', 'email', false),
    ('has_sms_consent', 'Consent to SMS', 'consent', 'Consent', 'boolean', '', 'sms', false),
    ('has_whatsapp_consent', 'Consent to WhatsApp', 'consent', 'Consent', 'boolean', '', 'whatsapp', false)
  ) as fields (key, label, type, group_name, data_type, currency_column, channel, is_personal);
insert into segments.segment_catalogue by name
  select 100 as position, 'event' as kind, 'ordered' as key, '' as event_key, 'Placed an order' as label, '' as type,
    'Shop' as group_name, 'commerce.fct_orders' as table_name, '' as column_name, 'person_id' as person_column,
    'ordered_at' as at_column, 'status <> ''cancelled''' as filter_sql, '' as data_type, '' as unit,
    '' as currency_column, '' as channel, '' as default_op, 'Orders' as description, false as is_personal
  union all by name
  select 100 + place as position, 'property' as kind, key, 'ordered' as event_key, label, type, 'Shop' as group_name,
    'commerce.fct_orders' as table_name, column_name, '' as person_column, '' as at_column, '' as filter_sql,
    data_type, '' as unit, currency_column, '' as channel, '' as default_op, label as description,
    false as is_personal
  from (values
    (1, 'net', 'Worth', 'money', 'net_cents', 'bigint', 'currency_code'),
    (2, 'source', 'Shop', 'text', 'source', 'varchar', '')
  ) as properties (place, key, label, type, column_name, data_type, currency_column);
