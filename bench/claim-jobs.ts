/**
 * A process that claims exports from PostgreSQL as a worker does. Its argument is the JSON of `ClaimSettings`. It
 * prints
 * `ready` when it is connected. Each line of its input is a command: `claim` claims jobs until none is queued, `end`
 * ends all claimed jobs. It answers each command with the JSON of the ids.
 */
import { createInterface } from 'node:readline'
import { OPERATION_SUCCEEDED } from '../src/core/problems/message.ts'
import type { ClaimedJob } from '../src/core/tasks/job.ts'
import { openDepotDatabase } from '../src/store/engine/database.ts'
import { createJobStore } from '../src/store/tasks/job-store.ts'

export interface ClaimSettings {
  readonly databaseUrl: string
  readonly owner: string
}

const { databaseUrl, owner }: ClaimSettings = JSON.parse(process.argv[2] ?? '{}')
const db = openDepotDatabase({ databaseFile: '', databaseUrl })
const jobs = createJobStore(db)
const claimed: ClaimedJob[] = []

async function claimAll(): Promise<void> {
  for (;;) {
    const job = await jobs.claimNext(['export'], owner, new Date())
    if (job === undefined) return
    claimed.push(job)
  }
}

async function endAll(): Promise<void> {
  for (const job of claimed) {
    const isDone = await jobs.finish(job, { state: 'completed', message: OPERATION_SUCCEEDED, now: new Date() })
    if (!isDone) throw new Error(`Somebody else has ended work ${job.jobId}`)
  }
}

await jobs.isWaiting(['export'])
process.stdout.write('ready\n')
for await (const line of createInterface(process.stdin)) {
  await (line === 'claim' ? claimAll() : endAll())
  process.stdout.write(`${JSON.stringify(claimed.map(({ jobId }) => jobId))}\n`)
}
await db.destroy()
