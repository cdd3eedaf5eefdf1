-- History is only added to. ALWAYS: not even a session that replicates may rewrite it.

CREATE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION keep_operation_answers() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  -- A claim may be answered once or, when refused, taken back; an answer stands for ever.
  IF OLD.outcome IS NOT NULL THEN
    RAISE EXCEPTION 'operation % has its answer', OLD.key USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;

CREATE TRIGGER movement_no_rewrite BEFORE UPDATE OR DELETE ON movement
  FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();

ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_no_rewrite;

CREATE TRIGGER movement_no_truncate BEFORE TRUNCATE ON movement
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();

ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_no_truncate;

CREATE TRIGGER reservation_transition_no_rewrite BEFORE UPDATE OR DELETE ON reservation_transition
  FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();

ALTER TABLE reservation_transition ENABLE ALWAYS TRIGGER reservation_transition_no_rewrite;

CREATE TRIGGER reservation_transition_no_truncate BEFORE TRUNCATE ON reservation_transition
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();

ALTER TABLE reservation_transition ENABLE ALWAYS TRIGGER reservation_transition_no_truncate;

CREATE TRIGGER operation_keeps_answers BEFORE UPDATE OR DELETE ON operation
  FOR EACH ROW EXECUTE FUNCTION keep_operation_answers();

ALTER TABLE operation ENABLE ALWAYS TRIGGER operation_keeps_answers;

CREATE TRIGGER operation_no_truncate BEFORE TRUNCATE ON operation
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();

ALTER TABLE operation ENABLE ALWAYS TRIGGER operation_no_truncate;
