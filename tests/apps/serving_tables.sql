-- The tables and columns that the screens read, and no more. The real ones are in dbt/models.
create schema raw; create schema staging; create schema people; create schema consent; create schema commerce;
create schema engagement; create schema deliveries; create schema evaluation; create schema operations;
create table people.dim_people (person_id bigint, email varchar, email_domain varchar, phone varchar,
  first_name varchar, last_name varchar, full_name varchar, country_code varchar, city varchar, time_zone varchar,
  birthday date, company_id varchar, company_name varchar, job_title varchar, first_seen_at timestamp,
  last_seen_at timestamp, orders_count bigint, revenue_cents bigint, currency_code varchar, last_order_at timestamp,
  has_email_consent boolean, has_sms_consent boolean, lifecycle varchar);
create table people.person_contacts (contact_key varchar, source varchar, source_contact_id varchar,
  person_id bigint, email varchar, phone varchar, full_name varchar, created_at timestamp, updated_at timestamp,
  matched_by varchar);
create table people.person_merges (merged_person_id bigint, surviving_person_id bigint, merged_at timestamp,
  reason varchar);
create table consent.person_channel_consent (person_id bigint, channel varchar, purpose varchar, is_granted boolean,
  decided_at timestamp, source varchar, evidence varchar);
create table commerce.fct_carts (cart_id varchar, person_id bigint, contact_email varchar, contact_phone varchar,
  client_id varchar, created_at timestamp, last_touched_at timestamp, completed_at timestamp, order_id varchar,
  status varchar, item_count bigint, total_cents bigint, currency_code varchar, recovery_url varchar,
  contact_key varchar, record_id varchar);
create table commerce.fct_cart_lines (cart_id varchar, line_number bigint, product_id varchar, sku varchar,
  title varchar, quantity bigint, unit_price_cents bigint, currency_code varchar, image_url varchar);
create table commerce.fct_orders (order_id varchar, source varchar, source_order_id varchar, person_id bigint,
  ordered_at timestamp, status varchar, gross_cents bigint, discount_cents bigint, refunded_cents bigint,
  net_cents bigint, currency_code varchar, cart_id varchar, discount_code varchar, client_id varchar,
  order_name varchar, record_id varchar);
create table engagement.fct_message_events (event_key varchar, provider varchar, message_id varchar,
  person_id bigint, email varchar, channel varchar, event_type varchar, is_machine boolean, occurred_at timestamp,
  url varchar, user_agent varchar, _loaded_at timestamp, record_id varchar, reason varchar);
create table deliveries.fct_messages (message_id varchar, person_id bigint, programme varchar,
  programme_version bigint, step varchar, occurrence varchar, channel varchar, state varchar, reason varchar,
  is_holdout boolean, planned_at timestamp, handed_over_at timestamp, accepted_at timestamp, delivered_at timestamp,
  first_opened_at timestamp, first_clicked_at timestamp, subject varchar, provider varchar, updated_at timestamp,
  cart_id varchar, purpose varchar);
create table engagement.fct_visits (visit_id varchar, client_id varchar, person_id bigint, started_at timestamp,
  channel varchar, campaign varchar, device varchar, landing_page varchar, page_views bigint);
create table evaluation.cart_recoveries (cart_id varchar, person_id bigint, message_id varchar, is_holdout boolean,
  cart_total_cents bigint, state varchar, messaged_at timestamp, recovered_order_id varchar, recovered_at timestamp,
  recovered_cents bigint, currency_code varchar, is_recovered boolean);
create table evaluation.cart_recovery_summary (currency_code varchar, carts_count bigint, treated_count bigint,
  held_out_count bigint, treated_recovered_count bigint, held_out_recovered_count bigint, recovered_cents bigint,
  incremental_recovered_cents bigint, incremental_low_cents bigint,
  incremental_high_cents bigint, no_estimate_reason varchar);
create table operations.source_freshness (source varchar, resource varchar, last_loaded_at timestamp,
  last_record_at timestamp, last_checked_at timestamp, rows_count bigint, last_run_id varchar,
  refused_count bigint);
create table operations.capture_runs (source varchar, resource varchar, run_id varchar, started_at timestamp,
  finished_at timestamp, fetched_count bigint, kept_count bigint, unchanged_count bigint, refused_count bigint,
  "cursor" varchar, error varchar, runs_count bigint);
create table operations.capture_refusals (source varchar, resource varchar, run_id varchar, refused_at timestamp,
  record_id varchar, reason varchar, payload varchar);
