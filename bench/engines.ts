/**
 * The shared services of several servers: PostgreSQL on the disk of the bench, and Ceph's radosgw with its store in
 * memory.
 */
import path from 'node:path'
import { S3 } from '@aws-sdk/client-s3'
import { ask, canRunPostgres, startPostgres } from '../scripts/postgres-server.ts'
import { canRunS3Server, startS3Server } from '../scripts/s3-server.ts'
import type { Workspace } from './workspace.ts'

export interface Engines {
  /** Of the S3 server. */
  readonly endpoint: string
  /** A new database; its URL. */
  newDatabase(): Promise<string>
  /** Settings of a server that keeps its archives in a new bucket. */
  newBucket(): Promise<Readonly<Record<string, string>>>
  stop(): Promise<void>
}

/** The missing programs; undefined when all are installed. */
export function missingEngine(): string | undefined {
  if (!canRunPostgres()) return 'PostgreSQL'
  return canRunS3Server() ? undefined : 'radosgw'
}

export async function startEngines({ directory }: Workspace): Promise<Engines> {
  // Next to the workspace: if root runs the bench, the account of PostgreSQL cannot access the workspace.
  const postgres = await startPostgres({ directory: path.dirname(directory) })
  const storage = await startS3Server()
  const { endpoint, accessKeyId, secretAccessKey } = storage.server
  const credentials = { accessKeyId, secretAccessKey }
  const s3 = new S3({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  let count = 0
  return {
    endpoint,
    async newDatabase() {
      count += 1
      await ask(postgres.url('postgres'), `create database bench${count}`)
      return postgres.url(`bench${count}`)
    },
    async newBucket() {
      count += 1
      await s3.createBucket({ Bucket: `bench${count}` })
      return {
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        FIXDEPOT_ARCHIVES_URL: `s3://bench${count}/depot`,
        FIXDEPOT_S3_ENDPOINT: endpoint
      }
    },
    async stop() {
      s3.destroy()
      await storage.stop()
      await postgres.remove()
    }
  }
}
