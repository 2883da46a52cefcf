/**
 * A process with many clients. Each downloads ranges of a file, one after the other, over its own connection. Its
 * argument is the JSON of `RangeSettings`.
 */
import { createRandom } from '../sample/random.ts'
import { openConnection, requestText } from './http-connection.ts'
import { timeWork } from './time-work.ts'

export interface RangeSettings {
  readonly url: string
  readonly authorization: string
  /** Of the file. */
  readonly bytes: number
  readonly clients: number
  readonly rangesPerClient: number
  readonly rangeBytes: number
}

const settings: RangeSettings = JSON.parse(process.argv[2] ?? '{}')
const { url, authorization, bytes, clients, rangesPerClient, rangeBytes } = settings

async function download(client: number): Promise<void> {
  // The same ranges for all servers.
  const random = createRandom(`client/${client}`)
  const connection = openConnection(url)
  for (let count = 0; count < rangesPerClient; count += 1) {
    const start = random.integer(0, bytes - rangeBytes)
    const range = `bytes=${start}-${start + rangeBytes - 1}`
    const answer = await connection.ask(requestText('GET', url, { authorization, range }))
    if (answer.status !== 206 || answer.bytes !== rangeBytes) {
      throw new Error(`${range} of ${url} was answered with ${answer.status} and ${answer.bytes} bytes`)
    }
  }
  connection.close()
}

await timeWork(async () => {
  await Promise.all(Array.from({ length: clients }, (_, client) => download(client)))
  return undefined
})
