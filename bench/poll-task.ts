/**
 * A process that polls the status of a task a hundred times a second. Each line of its input is the number of the next
 * task to poll, or `lap`, which it answers with the latencies since the last lap as JSON. It ends with its input. Its
 * argument is the JSON of `FollowSettings`.
 */
import { createInterface } from 'node:readline'
import { openConnection, requestText } from './http-connection.ts'
import { latencyOf } from './latency.ts'
import { onSchedule } from './schedule.ts'

export interface FollowSettings {
  /** Of the repository. */
  readonly url: string
  readonly authorization: string
}

const POLLS_PER_SECOND = 100
const CONNECTIONS = 10

const { url, authorization }: FollowSettings = JSON.parse(process.argv[2] ?? '{}')
const connections = Array.from({ length: CONNECTIONS }, () => openConnection(url))
let request = ''
let isOver = false
let milliseconds: number[] = []

createInterface(process.stdin)
  .on('line', (line) => {
    if (line === 'lap') {
      process.stdout.write(`${JSON.stringify(latencyOf(milliseconds))}\n`)
      milliseconds = []
    } else {
      request = requestText('GET', `${url}/status?taskid=${line}`, { authorization })
    }
  })
  .on('close', () => {
    isOver = true
  })

await onSchedule({ perSecond: POLLS_PER_SECOND, isOver: () => isOver }, async (due, index) => {
  if (request === '') return
  const answer = await connections[index % CONNECTIONS]?.ask(request)
  if (answer?.status !== 200) throw new Error(`A poll was answered with ${answer?.status}: ${answer?.text}`)
  milliseconds.push(performance.now() - due)
})
for (const connection of connections) connection.close()
