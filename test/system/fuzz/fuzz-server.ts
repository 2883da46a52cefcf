/** The real server on a small sample repository, for the fuzzer. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { CHECKOUT_COMMAND, startServer } from '../../../bench/server.ts'
import { createWorkspace } from '../../../bench/workspace.ts'
import { parseCorpus } from '../../../sample/corpus.ts'
import { generateRepository } from '../../../sample/generate.ts'

export interface FuzzServer {
  readonly url: string
  readonly authorization: string
  readonly pid: number
  /** Lines of the log with the level error or fatal. */
  errors(): string[]
  stop(): Promise<void>
}

const MEMORY = '/dev/shm'
const ENOUGH_BYTES = 1024 ** 3

/** Log lines of level error or fatal. */
const SERIOUS = /"level":[56]0/

/** In memory where it has enough space: on a disk the fuzzer would wait for syncs most of the time. */
function workspaceRoot(): string {
  const { bavail = 0, bsize = 0 } = fs.existsSync(MEMORY) ? fs.statfsSync(MEMORY) : {}
  return bavail * bsize >= ENOUGH_BYTES ? MEMORY : os.tmpdir()
}

/** @param seed of the sample repository */
export async function startFuzzServer(seed: number): Promise<FuzzServer> {
  const workspace = createWorkspace(workspaceRoot())
  const directory = path.join(workspace.directory, 'repository')
  await generateRepository({ ...parseCorpus('5MB'), directory, seed, defects: true })
  const settings = {
    // Thousands of archives would need too much space.
    FIXDEPOT_ARCHIVE_TTL: '1m'
  }
  const server = await startServer(workspace, directory, settings, CHECKOUT_COMMAND)
  await server.waitUntilIdle()
  const [serverDirectory = ''] = fs.readdirSync(workspace.directory).filter((name) => name.startsWith('server-'))
  return {
    url: server.address,
    authorization: server.authorization,
    pid: server.pid,
    errors: () =>
      fs
        .readFileSync(path.join(workspace.directory, serverDirectory, 'server.log'), 'utf8')
        .split('\n')
        .filter((line) => SERIOUS.test(line)),
    stop: server.stop
  }
}
