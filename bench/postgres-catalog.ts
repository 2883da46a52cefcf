/**
 * Large catalogs in PostgreSQL, generated inside the database: no repository of a million packages has to be written
 * and read.
 */
import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Schema } from '../src/store/engine/schema.ts'

/** One package in this number is a system pack. */
const PACK_EVERY = 100
const MEMBERS = 20
/** Versions of a product: each supersedes the one before. */
const VERSIONS = 5
const CATEGORIES = ['UEFI', 'XCC', 'Network', 'Storage', 'Drivers', 'Diagnostics', 'Utility', 'Power']
const MACHINE_TYPES = 400
const PACKAGE_COUNT = /^\d+$/

/** Fixids sort otherwise than they are numbered, in the order of their products. */
const FIXID = (number: string) =>
  `'lnvgy_fw_' || substr(md5((${number} / ${VERSIONS})::text), 1, 8) || '_' || lpad((${number})::text, 7, '0') || '_anyos_noarch'`

/** The same, of the package with this number, counted from 0. */
export function fixidOf(number: number): string {
  const product = createHash('md5')
    .update(String(Math.floor(number / VERSIONS)))
    .digest('hex')
    .slice(0, 8)
  return `lnvgy_fw_${product}_${String(number).padStart(7, '0')}_anyos_noarch`
}

/** The number of the system pack at this place, counted from 0. */
export const packNumber = (place: number) => place * PACK_EVERY + PACK_EVERY - 1

/**
 * Adds packages with three files each to a catalog in PostgreSQL up to the given number, as a scan would publish them.
 * The statistics are those after an ANALYZE.
 */
export async function fillCatalog(db: Kysely<Schema>, packages: number): Promise<void> {
  const { count } = await db
    .selectFrom('package')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  await db.transaction().execute(async (trx) => {
    // All references are valid; the check of each would take most of the time.
    await sql`set local session_replication_role = replica`.execute(trx)
    for (const statement of statements(count, packages)) await sql.raw(statement).execute(trx)
  })
  await sql`vacuum analyze`.execute(db)
}

/** @param from number of the first package @param to number behind the last one */
function statements(from: number, to: number): string[] {
  if (![from, to].every((number) => PACKAGE_COUNT.test(String(number))))
    throw new Error('A catalog has a whole number of packages')
  const numbers = `generate_series(${from}, ${to - 1}) as n (number)`
  const isPack = `(n.number % ${PACK_EVERY} = ${PACK_EVERY - 1})`
  const category = `(array[${CATEGORIES.map((name) => `'${name}'`).join()}])[1 + n.number / ${VERSIONS} % ${CATEGORIES.length}]`
  const version = `(n.number % ${VERSIONS})`
  const packageId = (number: string) => `${number} + 1`
  return [
    `insert into package (id, fixid, kind, form, name, version, build_number, category, vendor, description, severity, release_date,
       update_type, reboot_required, payload_state, metadata_path, product_line, version_key, fingerprint)
     select ${packageId('n.number')}, ${FIXID('n.number')}, case when ${isPack} then 'system-pack' else 'update' end, 'classic',
       'Lenovo ThinkSystem ' || ${category} || ' update ' || n.number, '1.' || ${version}, 'B' || n.number, ${category}, 'Lenovo',
       repeat('What this update changes. ', 6), 'Suggested', '2024-0' || (1 + ${version}) || '-01', 'Fix', 'Yes',
       case when ${isPack} then 'none' when n.number % 10 = 0 then 'missing' else 'present' end,
       'fw/' || ${FIXID('n.number')} || '.xml', 'line ' || (n.number / ${VERSIONS}), '1.' || ${version}, md5(n.number::text)
     from ${numbers} order by 2`,
    `insert into file (id, path, size, crc32, sha256, modified_at)
     select n.number * 3 + f.place, 'fw/' || ${FIXID('n.number')} || f.suffix, f.size, n.number % 4294967296,
       encode(sha256((n.number || f.suffix)::bytea), 'hex'), 1700000000
     from ${numbers}, (values (1, '.uxz', 8000000), (2, '.xml', 9000), (3, '.txt', 4000)) as f (place, suffix, size) order by 2`,
    `insert into package_file (package_id, file_id, role)
     select ${packageId('n.number')}, n.number * 3 + f.place, f.role
     from ${numbers}, (values (1, 'payload'), (2, 'metadata'), (3, 'readme')) as f (place, role)`,
    `insert into file_index (path, stamp, crc32, sha256, reader_version)
     select path, size || ' ' || modified_at, crc32, sha256, 1 from file where id > ${from * 3}`,
    `insert into package_machine_type (machine_type, package_id, name)
     select distinct lpad(((n.number / ${VERSIONS} * 7 + m.place * 13) % ${MACHINE_TYPES})::text, 4, '7X00'), ${packageId('n.number')}, 'SR650'
     from ${numbers}, generate_series(0, 1) as m (place)`,
    `insert into package_member (package_id, position, fixid, kind)
     select ${packageId('n.number')}, m.place,
       ${FIXID('(n.number - 1 - m.place)')} || case when m.place % 10 = 7 then '-gone' else '' end,
       case when m.place % 4 = 3 then 'candidate' else 'listed' end
     from ${numbers}, generate_series(0, ${MEMBERS - 1}) as m (place) where ${isPack}`,
    `insert into package_requisite (package_id, position, fixid, kind)
     select ${packageId('n.number')}, 0, ${FIXID('(n.number - 1)')}, 'superseded' from ${numbers} where ${version} > 0 and not ${isPack}`,
    `insert into package_requisite (package_id, position, fixid, kind)
     select ${packageId('n.number')}, 1, ${FIXID('(n.number / 2)')}, 'prerequisite' from ${numbers} where n.number % 7 = 0`,
    `select setval(pg_get_serial_sequence('package', 'id'), ${to}), setval(pg_get_serial_sequence('file', 'id'), ${to * 3})`
  ]
}
