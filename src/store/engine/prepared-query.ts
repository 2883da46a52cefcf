import type { Compilable, Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/** Stands for the value that changes; no other parameter of a query can be it. */
const PLACE = '\u0000 the value of a prepared query'

/**
 * A query that is built and compiled once, for those that are asked thousands of times a second: building one takes
 * several times as long as SQLite needs to answer it.
 * @param build is given what stands for the value
 */
export function prepareQuery<Row, Value extends string | number>(
  db: Kysely<Schema>,
  build: (value: Value) => Compilable<Row>
): (value: Value) => Promise<Row[]> {
  const compiled = build(PLACE as Value).compile()
  return async (value) => {
    const parameters = compiled.parameters.map((parameter) => (parameter === PLACE ? value : parameter))
    return (await db.executeQuery<Row>({ ...compiled, parameters })).rows
  }
}
