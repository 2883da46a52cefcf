/**
 * `fixdepot health`: whether the server of this machine is ready. Container engines call it; an image needs no curl.
 */
import type http from 'node:http'
import type https from 'node:https'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { EXIT } from '../terminal/exit.ts'
import { print } from '../terminal/output.ts'
import type { CliContext } from './command.ts'

/** Shorter than the timeout of the container engine, which kills a probe without a reason. */
const TIMEOUT_MS = 4_000

/** A server that listens on all addresses listens on loopback too. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

export interface Health {
  readonly isReady: boolean
  /** The response body, or the error. */
  readonly text: string
}

type Server = Pick<Config, 'host' | 'port' | 'tls'>

export function addHealth(program: Command, { exit }: CliContext): void {
  program
    .command('health')
    .description('check that the server of these settings on this machine is ready')
    .addHelpText('after', '\nExit code 0: ready, 1: not ready, or no response.')
    .action(async () => {
      const { isReady, text } = await probeHealth()
      print(text)
      if (!isReady) exit(EXIT.failed)
    })
}

/**
 * Calls `/health/ready`. Never throws: a wrong setting and a missing response are results too.
 * @param server by default the one of the settings
 */
export async function probeHealth(server?: Server): Promise<Health> {
  try {
    const { status, body } = await getReady(server ?? (await readSettings()))
    return { isReady: status === 200, text: body }
  } catch (error) {
    return { isReady: false, text: (error as Error).message }
  }
}

async function readSettings(): Promise<Server> {
  return (await import('../../config/config.ts')).readConfig()
}

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

async function getReady({ host, port, tls }: Server): Promise<Answer> {
  const get: typeof https.get = (await (tls.mode === 'off' ? import('node:http') : import('node:https'))).get
  // The certificate names the addresses that clients use, not loopback. The request has no secret.
  const trust = { rejectUnauthorized: false }
  const address = { host: LOOPBACK[host] ?? host, port, path: '/health/ready', signal: AbortSignal.timeout(TIMEOUT_MS) }
  return new Promise((resolve, reject) => {
    const receive = (answer: http.IncomingMessage) => {
      text(answer).then((body) => resolve({ status: answer.statusCode, body }), reject)
    }
    get({ ...address, ...trust }, receive).on('error', reject)
  })
}
