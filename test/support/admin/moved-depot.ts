/** A depot to move, and the command that moves it. */
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { type Outcome, runProgram } from '../cli/run-program.ts'
import { packageFiles } from '../packages.ts'
import { POSTGRES_PASSWORD } from '../servers/postgres.ts'
import { makeDirectories, type ServerOptions, type TestServer } from '../servers/server.ts'

export const MIB = 2 ** 20

export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A depot with three packages, one of `largeMib` MiB. */
export function makeSourceDepot(t: Test, largeMib: number): ServerOptions {
  return makeDirectories(t, {
    ...packageFiles({ fixid: 'small', payload: 'small' }),
    ...packageFiles({ fixid: 'medium', payload: Buffer.from('again and '.repeat(20_000)) }),
    ...packageFiles({ fixid: 'large', payload: randomBytes(largeMib * MIB) })
  })
}

export async function archiveOf(server: TestServer, taskid: number): Promise<string> {
  const { state, current } = await server.finished(taskid)
  if (state !== 'complete') throw new Error(`Task ${taskid} ended as ${state}`)
  const response = await server.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${current}`)
  return sha256(Buffer.from(await response.arrayBuffer()))
}

export interface MoveOptions {
  readonly from: ServerOptions
  /** The settings in the file that `--to` names. */
  readonly to: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** Kills the command after this many lines of its output. */
  readonly killAfter?: number
  readonly onStart?: (child: ChildProcess) => Promise<void>
}

export function environmentOf({ dataDirectory, repositoryDirectory, databaseUrl, settings }: ServerOptions) {
  const environment = {
    FIXDEPOT_DATA_DIR: dataDirectory,
    FIXDEPOT_REPOSITORY_DIR: repositoryDirectory,
    FIXDEPOT_DATABASE_URL: databaseUrl,
    ...settings
  }
  const given = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return Object.fromEntries(given)
}

export async function migrate(
  t: Test,
  { from, to, args = [], killAfter = 0, onStart = async () => {} }: MoveOptions
): Promise<Outcome> {
  const cwd = path.dirname(from.dataDirectory)
  const lines = Object.entries(to).map(([name, value]) => `${name}=${value}\n`)
  fs.writeFileSync(path.join(cwd, 'target.env'), lines.join(''))
  const keys = Object.fromEntries(Object.entries(to).filter(([name]) => name.startsWith('AWS_')))
  const outcome = await runProgram(['migrate-store', '--to', 'target.env', ...args], {
    cwd,
    environment: { ...environmentOf(from), ...keys },
    onStart(child) {
      let count = 0
      onStart(child).catch(t.threw)
      if (killAfter > 0)
        child.stdout.on('data', (text: Buffer) => {
          count += text.toString().split('\n').length - 1
          if (count >= killAfter) child.kill('SIGKILL')
        })
    }
  })
  t.notMatch(outcome.stdout + outcome.stderr, POSTGRES_PASSWORD)
  return outcome
}
