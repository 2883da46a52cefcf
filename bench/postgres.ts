/**
 * Catalogs of up to a million packages in PostgreSQL: which operations become slower with the number of packages.
 */
import { canRunPostgres, startPostgres } from '../scripts/postgres-server.ts'
import type { PackageFilter } from '../src/core/catalog/catalog.ts'
import type { TaskCommands } from '../src/core/export/task-commands.ts'
import { createCatalogStore } from '../src/store/catalog/catalog-store.ts'
import { type Database, openDepotDatabase } from '../src/store/engine/database.ts'
import { migrateToLatest } from '../src/store/engine/migrations.ts'
import { createTaskCommands } from '../src/worker/commands/task-commands.ts'
import { type Bench, target } from './bench.ts'
import { fillCatalog, fixidOf, packNumber } from './postgres-catalog.ts'
import { median } from './rounds.ts'

const SIZES = [1, 1_000, 100_000, 1_000_000]
const QUICK_SIZES = [1, 1_000, 10_000]
const PAGE = 100
/** A common value for a dedicated database; the server for tests has less. */
const SETTINGS = ['shared_buffers=512MB', 'max_wal_size=4GB', 'maintenance_work_mem=256MB']
/** A page, and a plan of one system pack, in the largest catalog. */
const PAGE_MS = 20
const PLAN_MS = 40

/** The measured operations. Each run has other arguments, so that no archive is shared. */
type Question = (time: number) => Promise<unknown>

export const benchPostgres: Bench = async ({ rounds, isQuick }) => {
  if (!canRunPostgres()) {
    process.stderr.write('  PostgreSQL is not installed: left out\n')
    return { tables: [], targets: [] }
  }
  const server = await startPostgres({ further: SETTINGS })
  const db = openDepotDatabase({ databaseFile: '', databaseUrl: server.url('postgres') })
  const cells = new Map<string, string[]>()
  let last = new Map<string, number>()
  const sizes = isQuick ? QUICK_SIZES : SIZES
  try {
    await migrateToLatest(db)
    for (const packages of sizes) {
      await fillCatalog(db, packages)
      process.stderr.write(`  ${packages} packages\n`)
      last = await measure(await questions(db, packages), Math.max(5, rounds))
      for (const [name, milliseconds] of last) cells.set(name, [...(cells.get(name) ?? []), milliseconds.toFixed(1)])
    }
  } finally {
    await db.destroy()
    await server.remove()
  }
  return {
    tables: [
      {
        title: 'Catalogs in PostgreSQL, median ms',
        head: ['', ...sizes.map((packages) => `${packages.toLocaleString('en')} packages`)],
        rows: [...cells].map(([name, times]) => [name, ...times]),
        notes: [
          'Three files for each package, one package in 100 a system pack of 20 members',
          `PostgreSQL on a socket of this machine, its files in memory, with \`${SETTINGS.join(' ')}\``
        ]
      }
    ],
    targets: [
      target(`postgres: a page of the largest catalog takes at most ${PAGE_MS} ms`, last.get(DEEP_PAGE) ?? Number.NaN, {
        atMost: PAGE_MS
      }),
      target(
        `postgres: an export of a system pack of it is accepted in at most ${PLAN_MS} ms`,
        last.get(PACK) ?? Number.NaN,
        {
          atMost: PLAN_MS
        }
      )
    ]
  }
}

const DEEP_PAGE = `page of ${PAGE}, in the middle`
const PACK = 'export of a system pack accepted'

async function questions(db: Database, packages: number): Promise<Map<string, Question>> {
  const catalog = createCatalogStore(db)
  const commands = commandsOf(db)
  const middle = await fixidAt(db, packages >> 1)
  const pageOf =
    (filter: PackageFilter, after = '') =>
    () =>
      catalog.packagePage(filter, after, PAGE)
  const packs = Math.max(1, Math.floor(packages / 100))
  const nth = (time: number, count: number) => (time * 7919) % count
  return new Map<string, Question>([
    [`page of ${PAGE}, the first`, pageOf({})],
    [DEEP_PAGE, pageOf({}, middle)],
    ['page of system packs, the first', pageOf({ kind: 'system-pack' })],
    ['page of system packs, in the middle', pageOf({ kind: 'system-pack' }, middle)],
    ['page of what is for a machine type', pageOf({ machineTypes: ['7X42'] })],
    ['the same, the latest only', pageOf({ machineTypes: ['7X42'], latestOnly: true })],
    ['page of the latest', pageOf({ latestOnly: true }, middle)],
    ['search that finds much', pageOf({ search: 'uefi' })],
    ['search that finds nothing', pageOf({ search: 'nothing like this' })],
    ['one package', async (time) => catalog.findPackage(fixidOf(nth(time, packages)))],
    [PACK, async (time) => accept(commands, [fixidOf(Math.min(packages - 1, packNumber(nth(time, packs))))])],
    [
      'export of 100 packages accepted',
      async (time) => {
        const numbers = Array.from({ length: Math.min(100, packages) }, (_, index) => nth(time * 100 + index, packages))
        return accept(commands, [...new Set(numbers)].map(fixidOf))
      }
    ]
  ])
}

async function fixidAt(db: Database, place: number): Promise<string> {
  const row = await db.selectFrom('package').select('fixid').orderBy('fixid').offset(place).limit(1).executeTakeFirst()
  return row?.fixid ?? ''
}

function commandsOf(db: Database): TaskCommands {
  return createTaskCommands({
    db,
    archives: { isRemote: false, hasWhole: async () => false },
    freeBytes: () => Number.MAX_SAFE_INTEGER,
    archiveTtlMs: 3_600_000,
    userLimits: { exports: 1_000_000, tasks: 1_000_000 },
    stageDeletion: () => {
      throw new Error('Nothing is deleted here')
    },
    now: () => new Date()
  })
}

const accept = (commands: TaskCommands, fixids: readonly string[]) =>
  commands.requestExport({ selection: { fixids, scope: 'all' }, requestedBy: 'bench' })

/** @returns the median of each, in milliseconds */
async function measure(all: ReadonlyMap<string, Question>, times: number): Promise<Map<string, number>> {
  const milliseconds = new Map<string, number[]>([...all.keys()].map((name) => [name, []]))
  // The first run fills the caches.
  for (let time = 0; time <= times; time += 1) {
    for (const [name, ask] of all) {
      const asked = performance.now()
      await ask(time)
      if (time > 0) milliseconds.get(name)?.push(performance.now() - asked)
    }
  }
  return new Map([...milliseconds].map(([name, each]) => [name, median(each)]))
}
