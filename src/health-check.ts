/**
 * For container engines: exit code 0 when the server of these settings, on this machine, can do its work, and 1 otherwise, with
 * what it answers. A program of its own, so that an image needs no curl.
 */
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { type Config, readConfig } from './config/config.ts'

/** Engines end a check by a signal, which says nothing. */
const TIMEOUT_MS = 4_000

/** The address to ask: whoever listens on all of them listens on loopback too. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

try {
  const { status, body } = await ask(readConfig())
  process.stdout.write(`${body}\n`)
  process.exitCode = status === 200 ? 0 : 1
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}

function ask({ host, port, tls }: Config): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const address = { host: LOOPBACK[host] ?? host, port, path: '/health/ready', signal: AbortSignal.timeout(TIMEOUT_MS) }
  return new Promise((resolve, reject) => {
    const receive = (answer: http.IncomingMessage) => {
      text(answer).then((body) => resolve({ status: answer.statusCode, body }), reject)
    }
    // The certificate names the depot as its clients know it, and not its loopback address. No secret is sent.
    const request =
      tls.mode === 'off' ? http.get(address, receive) : https.get({ ...address, rejectUnauthorized: false }, receive)
    request.on('error', reject)
  })
}
