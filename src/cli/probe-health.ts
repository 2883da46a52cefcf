/**
 * Whether the server of these settings, on this machine, is ready; for container engines, so that an image needs no
 * curl.
 */
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { type Config, readConfig } from '../config/config.ts'

/** Shorter than the time-out of the engine, which ends a probe by a signal and without a reason. */
const TIMEOUT_MS = 4_000

/** The address to ask: a server that listens on all addresses listens on loopback too. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

export interface Health {
  readonly isReady: boolean
  /** The body of the answer, or why there is none. */
  readonly text: string
}

type Server = Pick<Config, 'host' | 'port' | 'tls'>

/**
 * Asks for `/health/ready`. Never throws: a wrong setting and a missing answer are results too.
 * @param server by default the one of the settings
 */
export async function probeHealth(server?: Server): Promise<Health> {
  try {
    const { status, body } = await getReady(server ?? readConfig())
    return { isReady: status === 200, text: body }
  } catch (error) {
    return { isReady: false, text: (error as Error).message }
  }
}

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

function getReady({ host, port, tls }: Server): Promise<Answer> {
  const address = { host: LOOPBACK[host] ?? host, port, path: '/health/ready', signal: AbortSignal.timeout(TIMEOUT_MS) }
  return new Promise((resolve, reject) => {
    const receive = (answer: http.IncomingMessage) => {
      text(answer).then((body) => resolve({ status: answer.statusCode, body }), reject)
    }
    // The certificate has the names that clients use, not the loopback address. The request carries no secret.
    const request =
      tls.mode === 'off' ? http.get(address, receive) : https.get({ ...address, rejectUnauthorized: false }, receive)
    request.on('error', reject)
  })
}
