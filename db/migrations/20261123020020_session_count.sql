-- Sessions are counted as they begin and end. Those of before are counted here, once.

INSERT INTO counters (app_id, name, hour, n)
SELECT s.app_id, 'sessions.total', 0, COUNT(*) FROM sessions s
WHERE NOT EXISTS (SELECT 1 FROM counters c WHERE c.app_id = s.app_id AND c.name = 'sessions.total')
GROUP BY s.app_id;
