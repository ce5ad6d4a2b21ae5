INSERT INTO "user" (id, issuer, subject, name, email, created_at)
 SELECT 'usr_0' || lpad(u::text, 25, '0'), 'bench', 'bench-' || u, 'Person Nummer ' || u, 'person' || u || '@example.no', now() - interval '1 year'
 FROM generate_series(1, :users) u;
INSERT INTO session (id, user_id, client, token_hash, token_expires_at, created_at, last_seen_at, expires_at, authenticated_at)
 SELECT 'ses_0' || lpad(u::text, 25, '0'), 'usr_0' || lpad(u::text, 25, '0'), 'WEB', encode(sha256(('bench-' || u)::bytea), 'hex'), now() + interval '20 days', now(), now(), now() + interval '20 days', now()
 FROM generate_series(1, :users) u;
INSERT INTO bank_link (id, user_id, bank_id, vendor, status, expires_at, created_at, version)
 SELECT 'con_0' || lpad(u::text, 25, '0'), 'usr_0' || lpad(u::text, 25, '0'), 'bank_dnb', 'mock', 'ACTIVE', now() + interval '170 days', now(), 1
 FROM generate_series(1, :users) u;
INSERT INTO consent (id, user_id, bank_link_id, vendor, vendor_consent_id, status, valid_until, state_hash, return_to, created_at, version)
 SELECT 'cns_0' || lpad(u::text, 25, '0'), 'usr_0' || lpad(u::text, 25, '0'), 'con_0' || lpad(u::text, 25, '0'), 'mock', 'vc' || u, 'ACTIVE', current_date + 170, 'cs' || u, '/graphql', now(), 1
 FROM generate_series(1, :users) u;
INSERT INTO bank_account (id, user_id, bank_link_id, bank_id, iban, bban, currency, name, owner_name, balance_refreshed_at)
 SELECT 'acc_0' || lpad((u * 8 + a)::text, 25, '0'), 'usr_0' || lpad(u::text, 25, '0'), 'con_0' || lpad(u::text, 25, '0'), 'bank_dnb', 'NO93' || lpad((u * 7919 + a)::text, 11, '0'), lpad((u * 7919 + a)::text, 11, '0'), 'NOK', (ARRAY['Brukskonto','Sparekonto','Regningskonto','BSU','Felleskonto'])[1 + a], 'Person Nummer ' || u, now()
 FROM generate_series(1, :users) u, generate_series(0, 4) a;
INSERT INTO consent_account
 SELECT 'cns_0' || lpad(u::text, 25, '0'), 'acc_0' || lpad((u * 8 + a)::text, 25, '0'), 'r' || u || a
 FROM generate_series(1, :users) u, generate_series(0, 4) a;
INSERT INTO balance (account_id, type, amount_minor, currency, as_of)
 SELECT 'acc_0' || lpad((u * 8 + a)::text, 25, '0'), t, (u * 9973 + a * 101) % 10000000, 'NOK', now()
 FROM generate_series(1, :users) u, generate_series(0, 4) a, unnest(ARRAY['BOOKED','AVAILABLE']) t;
INSERT INTO payment (id, user_id, rail, vendor, status, failure_code, amount_minor, currency, creditor_name, creditor_iban, creditor_bban, debtor_account_id, message, end_to_end_id, in_doubt, state_hash, return_to, created_at, version)
 SELECT 'pay_0' || lpad((p * 1000 + u)::text, 25, '0'), 'usr_0' || lpad(u::text, 25, '0'), 'BANK', 'mock', (ARRAY['SETTLED','REJECTED','CANCELLED'])[1 + (u + p) % 3], CASE WHEN (u + p) % 3 = 1 THEN 'INSUFFICIENT_FUNDS' END, 100 + (u * 31 + p * 977) % 500000, 'NOK', 'Mottaker ' || ((u + p * 13) % 300), 'NO9386011117947', '86011117947', 'acc_0' || lpad((u * 8 + p % 5)::text, 25, '0'), 'Faktura ' || p, 'e2e-' || u || '-' || p, false, 'ps-' || u || '-' || p, '/graphql', timestamptz '2026-01-01' + make_interval(secs => (p * 36007 + u)) + interval '0.125 s', 3
 FROM generate_series(1, :users) u, generate_series(0, 199) p;
ANALYZE;
