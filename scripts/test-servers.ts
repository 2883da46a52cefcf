/** The one PostgreSQL and the one S3 server of a test run. The tests find them in the environment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { canRunPostgres, startPostgres } from './postgres-server.ts'
import { canRunS3Server } from './s3-server.ts'

export interface TestServers {
  /** TEST_POSTGRES and TEST_S3, as far as these servers can run here. */
  readonly environment: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** Starts what is installed and not given already by the environment. */
export async function startTestServers(): Promise<TestServers> {
  const { TEST_POSTGRES, TEST_S3 } = process.env
  const postgres = TEST_POSTGRES === undefined && canRunPostgres() ? await startPostgres() : undefined
  const s3 = TEST_S3 === undefined && canRunS3Server() ? await startS3Script() : undefined
  const given = Object.entries({
    TEST_POSTGRES: TEST_POSTGRES ?? postgres?.url('postgres'),
    TEST_S3: TEST_S3 ?? s3?.text
  })
  return {
    environment: Object.fromEntries(given.filter((pair): pair is [string, string] => pair[1] !== undefined)),
    async stop() {
      await postgres?.remove()
      await s3?.stop()
    }
  }
}

/** In a process of its own, which ends with this one, also with a killed one. */
async function startS3Script(): Promise<{ text: string; stop: () => Promise<void> }> {
  const script = path.join(import.meta.dirname, 's3-server.ts')
  const child = spawn(process.execPath, [script, '--until-input-ends'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) {
    const [, text] = /^TEST_S3='(.*)'$/.exec(line) ?? []
    if (text === undefined) continue
    const stop = async () => {
      child.stdin.end()
      await ended
    }
    return { text, stop }
  }
  throw new Error('The S3 server has not started')
}
