import type { LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { smallRepository } from '../packages.ts'
import { openTestDepot, type TestDepot } from './app.ts'

export const DOWNLOAD = '/updateRepositories/firmware?key=export&exportRepoFilename='

export interface DownloadDepot extends TestDepot {
  /** Name of an archive of the whole repository. */
  readonly name: string
  readonly bytes: Buffer
  /** Asks for the archive. */
  get(headers?: Record<string, string>, method?: 'GET' | 'HEAD'): Promise<LightMyRequestResponse>
}

/** A depot that has exported its whole repository. */
export async function openDownloadDepot(t: Test): Promise<DownloadDepot> {
  const depot = await openTestDepot(t, smallRepository())
  const { name } = await depot.export()
  return {
    ...depot,
    name,
    bytes: await depot.archiveView.read(name),
    get: (headers = {}, method = 'GET') => depot.call(DOWNLOAD + name, { method, headers })
  }
}
