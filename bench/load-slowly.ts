/**
 * A process with many clients that download a file, and read 64 KiB a second each. It runs until it is stopped, and
 * prints a line when all downloads have started. Its argument is the JSON of `SlowSettings`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { openConnection, requestText } from './http-connection.ts'

export interface SlowSettings {
  readonly url: string
  readonly authorization: string
  readonly clients: number
}

const PAUSE_MS = 1_000

const { url, authorization, clients }: SlowSettings = JSON.parse(process.argv[2] ?? '{}')
for (let client = 0; client < clients; client += 1) {
  const connection = openConnection(url, { pauseMs: PAUSE_MS })
  connection.ask(requestText('GET', url, { authorization })).then(() => {
    throw new Error(`A slow client was done at once with ${url}`)
  })
}
// After this time, the socket buffers for a client that does not read are full.
await wait(3 * PAUSE_MS)
process.stdout.write(`${url}\n`)
setInterval(() => {}, PAUSE_MS)
