/** The calls of the API that an export needs, with `fetch` only. */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 100

/** The members of the status response that the demo reads. */
export interface Status {
  readonly current: string
  readonly progress: number
  readonly state: string
  readonly downloadedsize: number
  readonly totalsize: number
  readonly total: number
  readonly message: string
}

export interface ApiClient {
  isReady(): Promise<boolean>
  /** @returns the id of the task */
  start(action: 'export' | 'read'): Promise<number>
  /** Polls the status until the task has ended. @throws unless it has completed */
  follow(taskId: number, onStatus: (status: Status) => void): Promise<Status>
  download(name: string, file: string): Promise<void>
}

const REPOSITORY = '/updateRepositories/firmware'

export function createApiClient(base: string, userName: string, password: string): ApiClient {
  const authorization = `Basic ${Buffer.from(`${userName}:${password}`).toString('base64')}`

  async function call(path: string, options: RequestInit = {}): Promise<Response> {
    const headers = { authorization, 'content-type': 'application/json' }
    const response = await fetch(base + path, { ...options, headers })
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return response
  }

  return {
    async isReady() {
      return fetch(`${base}/health/ready`).then(
        (response) => response.ok,
        () => false
      )
    },
    async start(action) {
      const response = await call(`${REPOSITORY}?action=${action}`, { method: 'PUT', body: '{"fixids":[]}' })
      return ((await response.json()) as { taskid: number }).taskid
    },
    async follow(taskId, onStatus) {
      for (;;) {
        const response = await call(`${REPOSITORY}/status?taskid=${taskId}`)
        const status = (await response.json()) as Status
        onStatus(status)
        if (status.state === 'complete') return status
        if (status.progress === 100) throw new Error(`Task ${taskId} ended as ${status.state}: ${status.message}`)
        await delay(POLL_MS)
      }
    },
    async download(name, file) {
      const { body } = await call(`${REPOSITORY}?key=export&exportRepoFilename=${name}`)
      if (body === null) throw new Error(`The archive ${name} has no content`)
      await pipeline(Readable.fromWeb(body), createWriteStream(file))
    }
  }
}
