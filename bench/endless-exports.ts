/** Keeps exports running on a server, in several parallel sequences, while other processes measure. */
import fs from 'node:fs'
import path from 'node:path'
import { type Answer, openConnection, requestText } from './http-connection.ts'

/** The server, the login, and the exports. */
export interface StatusSettings {
  /** Of the repository. */
  readonly url: string
  readonly authorization: string
  /** One for each lane, which an export that has ended will do for when no exports are to run. */
  readonly taskIds: readonly number[]
  /** Undefined: no exports are started. */
  readonly exports?: {
    /** One for each lane, as a file of fixids in JSON; they must differ, since equal exports are packed once. */
    readonly selections: readonly string[]
    /** Directory from which archives are removed, so that they are packed again. */
    readonly archivesDirectory: string
  }
}

export interface EndlessExports {
  /** Number of started exports. */
  readonly count: number
  /** What to send to learn of the export that runs in the lane. */
  requestOf(loop: number): string
  /** Call it with every status: after the end of an export, the next one starts. */
  see(loop: number, request: string, answer: Answer): Promise<void>
  close(): void
}

export function createEndlessExports(settings: StatusSettings): EndlessExports {
  const { url, authorization, exports } = settings
  const connection = openConnection(url)
  const headers = { authorization }
  const statusRequest = (taskId: number) => requestText('GET', `${url}/status?taskid=${taskId}`, headers)
  const requests = settings.taskIds.map(statusRequest)
  const bodies = exports?.selections.map((file) => fs.readFileSync(file, 'utf8')) ?? []
  const changing = new Set<number>()
  let count = 0
  const begin = async (loop: number) => {
    const body = bodies[loop] ?? ''
    const head = { ...headers, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
    const { status, text } = await connection.ask(requestText('PUT', `${url}?action=export`, head) + body)
    if (status !== 200) throw new Error(`An export was answered with ${status}: ${text}`)
    requests[loop] = statusRequest(JSON.parse(text).taskid)
    count += 1
  }
  return {
    get count() {
      return count
    },
    requestOf: (loop) => requests[loop % requests.length] ?? '',
    async see(loop, request, { status, text }) {
      if (status !== 200) throw new Error(`A poll was answered with ${status}: ${text}`)
      const index = loop % requests.length
      if (!text.includes('"progress":100,')) return
      if (exports === undefined || changing.has(index) || request !== requests[index]) return
      const { state, current } = JSON.parse(text)
      if (state !== 'complete') throw new Error(`The export ended as ${state}`)
      changing.add(index)
      await fs.promises.rm(path.join(exports.archivesDirectory, current), { force: true })
      await begin(index)
      changing.delete(index)
    },
    close: () => connection.close()
  }
}
