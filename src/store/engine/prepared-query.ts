import type { Compilable, Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/** Placeholder of the parameter that changes; no other parameter can be equal to it. */
const PLACEHOLDER = '\u0000 the value of a prepared query'

/**
 * Builds and compiles a query once, for queries that run thousands of times a second: building one takes several times
 * as long as SQLite needs to run it.
 * @param build receives a placeholder for the value
 */
export function prepareQuery<Row, Value extends string | number>(
  db: Kysely<Schema>,
  build: (value: Value) => Compilable<Row>
): (value: Value) => Promise<Row[]> {
  const compiled = build(PLACEHOLDER as Value).compile()
  return async (value) => {
    const parameters = compiled.parameters.map((parameter) => (parameter === PLACEHOLDER ? value : parameter))
    return (await db.executeQuery<Row>({ ...compiled, parameters })).rows
  }
}
