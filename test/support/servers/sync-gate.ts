/** Keeps an export of a server unfinished: every sync of the archive but the first one waits for the gate. */
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import type { ServerOptions } from './server.ts'

export interface SyncGate {
  /** For the server whose syncs are to wait. */
  readonly settings: NonNullable<ServerOptions['settings']>
  open(): void
}

const POLL_MS = 10

/** Loaded into every thread of the server. The first sync passes, so that the export reports its progress. */
const hookOf = (shut: string) => `import fs from 'node:fs'
const { fdatasync } = fs
let isFirst = true
fs.fdatasync = (fd, callback) => {
  const isHeld = !isFirst
  isFirst = false
  const attempt = () => {
    if (isHeld && fs.existsSync(${JSON.stringify(shut)})) setTimeout(attempt, ${POLL_MS})
    else fdatasync(fd, callback)
  }
  attempt()
}
`

/** A gate that is shut; its files are next to the data directory. */
export function makeSyncGate(t: Test, { dataDirectory }: ServerOptions): SyncGate {
  const [hook, shut] = [`${dataDirectory}-hook.mjs`, `${dataDirectory}-shut`]
  fs.writeFileSync(hook, hookOf(path.resolve(shut)))
  fs.writeFileSync(shut, '')
  const open = () => fs.rmSync(shut, { force: true })
  t.teardown(open)
  return { settings: { NODE_OPTIONS: `--import=${hook}` }, open }
}
