import { Ajv2020, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** Whether a value matches; `errors` says why the last one did not. */
export interface Check<Value = unknown> {
  (value: unknown): value is Value;
  errors?: ErrorObject[] | null;
}

/** Checks schemas against the draft itself. One for the process: compiling the draft takes tens of milliseconds. */
const draft = new Ajv2020();

/** An Ajv that shares what is the same in all of them; its options, formats and `$id`s are its own. */
export class SchemaCompiler extends Ajv2020 {
  override validateSchema(schema: AnySchema, throwOrLogError?: boolean): boolean | Promise<unknown> {
    return draft.validateSchema(schema, throwOrLogError);
  }

  /** Compiles a schema of our own when it is first asked: a host has hundreds, and its start waits for none. */
  later<Value = unknown>(schema: AnySchema): Check<Value> {
    let compiled: ValidateFunction | undefined;
    const check: Check<Value> = (value): value is Value => {
      compiled ??= this.compile(schema);
      const isValid = compiled(value);
      check.errors = compiled.errors ?? null;
      return isValid;
    };
    return check;
  }
}
