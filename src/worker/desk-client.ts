import { Piscina } from 'piscina'
import type { AcceptedTask, TaskDesk } from '../core/export.ts'
import { Problem } from '../core/problem.ts'
import type { DeskReply, DeskRequest } from './desk-thread.ts'
import type { WorkerSettings } from './settings.ts'
import { threadFile } from './thread-file.ts'

export interface DeskClient extends TaskDesk {
  close(): Promise<void>
}

/**
 * The desk in its own thread.
 * @param onAccepted is called after each task that was accepted, so that a worker can begin at once
 */
export function createDeskClient(settings: WorkerSettings, onAccepted: (accepted: AcceptedTask) => void): DeskClient {
  const pool = new Piscina<DeskRequest, DeskReply>({
    filename: threadFile('desk-thread', import.meta),
    minThreads: 1,
    maxThreads: 1,
    workerData: settings
  })

  async function ask(request: DeskRequest): Promise<AcceptedTask> {
    const reply = await pool.run(request)
    if ('problem' in reply) throw new Problem(reply.problem.code, reply.problem.text)
    onAccepted(reply.accepted)
    return reply.accepted
  }

  return {
    requestExport: (request) => ask({ export: request }),
    requestScan: (requestedBy) => ask({ scanFor: requestedBy }),
    close: () => pool.close()
  }
}
