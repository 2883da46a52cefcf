/** Speed at which workers of several servers claim jobs from one PostgreSQL, and end them. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { sql } from 'kysely'
import { openDepotDatabase } from '../src/store/engine/database.ts'
import { migrateToLatest } from '../src/store/engine/migrations.ts'
import type { BenchContext } from './bench.ts'
import type { ClaimSettings } from './claim-jobs.ts'
import type { Engines } from './engines.ts'
import { median } from './rounds.ts'

export interface Claims {
  readonly clients: number
  readonly claimsPerSecond: number
  readonly endsPerSecond: number
  /** Jobs that two workers have claimed. */
  readonly twice: number
}

const CLIENTS = [1, 2, 4, 8]
const JOBS = 2_000
const QUICK_JOBS = 200

export async function measureClaims(context: BenchContext, engines: Engines): Promise<Claims[]> {
  const all: Claims[] = []
  for (const clients of CLIENTS) {
    const rounds: Claims[] = []
    for (let round = 0; round < context.rounds; round += 1) rounds.push(await measureOnce(context, engines, clients))
    const step = {
      clients,
      claimsPerSecond: median(rounds.map(({ claimsPerSecond }) => claimsPerSecond)),
      endsPerSecond: median(rounds.map(({ endsPerSecond }) => endsPerSecond)),
      twice: rounds.reduce((sum, { twice }) => sum + twice, 0)
    }
    process.stderr.write(
      `  ${clients} clients: ${step.claimsPerSecond.toFixed(0)} claims, ${step.endsPerSecond.toFixed(0)} ends a second\n`
    )
    all.push(step)
  }
  return all
}

async function measureOnce(context: BenchContext, engines: Engines, clients: number): Promise<Claims> {
  const databaseUrl = await engines.newDatabase()
  const jobs = context.isQuick ? QUICK_JOBS : JOBS
  await queueExports(databaseUrl, jobs)
  const workers = await Promise.all(
    Array.from({ length: clients }, (_, index) => startWorker(context, { databaseUrl, owner: `worker ${index}` }))
  )
  const time = async (command: 'claim' | 'end') => {
    const started = performance.now()
    const ids = await Promise.all(workers.map((worker) => worker.do(command)))
    return { perSecond: jobs / ((performance.now() - started) / 1000), ids: ids.flat() }
  }
  const claims = await time('claim')
  const ends = await time('end')
  for (const worker of workers) await worker.stop()
  if (new Set(claims.ids).size !== jobs) throw new Error(`Of ${jobs} exports ${claims.ids.length} were claimed`)
  return {
    clients,
    claimsPerSecond: claims.perSecond,
    endsPerSecond: ends.perSecond,
    twice: claims.ids.length - new Set(claims.ids).size
  }
}

/** Exports of one file each, as the command thread accepts them. */
async function queueExports(databaseUrl: string, count: number): Promise<void> {
  const db = openDepotDatabase({ databaseFile: '', databaseUrl })
  await migrateToLatest(db)
  const ids = sql`generate_series(1, ${sql.lit(count)}) id`
  await sql`insert into plan (digest, package_count, entry_count, directory_offset, archive_size, archive_name, archive_state)
    select 'digest ' || id, 1, 1, 1000, 1100, id || '.zip', 'pending' from ${ids}`.execute(db)
  await sql`insert into job (kind, state, plan_id, packages_total, bytes_total)
    select 'export', 'queued', id, 1, 1100 from plan`.execute(db)
  await sql`insert into task (kind, state, job_id, packages_total, bytes_total, created_by, created_at)
    select 'export', 'live', id, 1, 1100, 'bench', 0 from job`.execute(db)
  await sql`analyze`.execute(db)
  await db.destroy()
}

async function startWorker({ workspace }: BenchContext, settings: ClaimSettings) {
  const program = new URL('./claim-jobs.ts', import.meta.url).pathname
  const { stdin, stdout } = workspace.spawn(process.execPath, [program, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  if (stdin === null || stdout === null) throw new Error('No worker can be started')
  const lines = createInterface(stdout)[Symbol.asyncIterator]()
  const nextLine = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('A worker has ended')
    return value
  }
  await nextLine()
  return {
    async do(command: 'claim' | 'end'): Promise<number[]> {
      stdin.write(`${command}\n`)
      return JSON.parse(await nextLine())
    },
    async stop() {
      stdin.end()
      await once(stdout, 'close')
    }
  }
}
