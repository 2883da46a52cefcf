/**
 * A process that claims exports from PostgreSQL as a worker does. Its argument is the JSON of `ClaimSettings`. It says `ready` when it is
 * connected, and does one thing for each line that it is sent: `claim` takes work until none waits, `end` ends all that was taken, and
 * each is answered with the JSON of the ids.
 */
import { createInterface } from 'node:readline'
import { OPERATION_SUCCEEDED } from '../src/core/message.ts'
import type { ClaimedWork } from '../src/core/work.ts'
import { openDepotDatabase } from '../src/store/database.ts'
import { createWorkStore } from '../src/store/work-store.ts'

export interface ClaimSettings {
  readonly databaseUrl: string
  readonly owner: string
}

const { databaseUrl, owner }: ClaimSettings = JSON.parse(process.argv[2] ?? '{}')
const db = openDepotDatabase({ databaseFile: '', databaseUrl })
const works = createWorkStore(db)
const claimed: ClaimedWork[] = []

async function claimAll(): Promise<void> {
  for (;;) {
    const work = await works.claimNext(['export'], owner, new Date())
    if (work === undefined) return
    claimed.push(work)
  }
}

async function endAll(): Promise<void> {
  for (const work of claimed) {
    const isDone = await works.finish(work, { state: 'completed', message: OPERATION_SUCCEEDED, now: new Date() })
    if (!isDone) throw new Error(`Somebody else has ended work ${work.workId}`)
  }
}

await works.isWaiting(['export'])
process.stdout.write('ready\n')
for await (const line of createInterface(process.stdin)) {
  await (line === 'claim' ? claimAll() : endAll())
  process.stdout.write(`${JSON.stringify(claimed.map(({ workId }) => workId))}\n`)
}
await db.destroy()
