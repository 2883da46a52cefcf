/** The answers to GET with `key=…`. */
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { PackageFilter, RepositorySpace } from '../../../core/catalog/catalog.ts'
import type { PackageKind } from '../../../core/catalog/package.ts'
import { OPERATION_SUCCEEDED } from '../../../core/problems/message.ts'
import { messageView } from '../../bodies/result-body.ts'
import type { Services } from '../../services.ts'
import { arrayText, type JsonText, objectText, textStream } from '../../transfer/json-stream.ts'
import { listItems } from '../lenient-query.ts'
import type { InformationView } from './information-view.ts'
import { machineTypeView } from './machine-type-view.ts'
import { listingCounters, UpdateView, updateView } from './package-view.ts'

export interface InformationQuery {
  readonly mt?: string
  readonly with?: string
  readonly payload?: string
}

/** Returns the body: a value, or a stream if it can be long. */
export type InformationKey = (
  services: Services,
  query: InformationQuery,
  reply: FastifyReply
) => Promise<InformationView | Readable>

const STATUS = { result: 'informational', messages: [messageView(OPERATION_SUCCEEDED)] }

/** One object, since Fastify caches compiled serializers by schema object. */
const UPDATE_SCHEMA: Record<string, unknown> = { ...UpdateView }

/** The share of the allotment from which the usage is high. */
const HIGH_USAGE = 0.8

export const FIRMWARE_ANSWERS = {
  updates: (services, query, reply) => listing('updates', 'update', services, query, reply),
  updatesByMt: (services, query, reply) =>
    listingByMachineType('updatesByMt', 'updates', 'update', services, query, reply),
  async updatesByMtByComp({ catalog }, { mt }) {
    const wanted = wantedTypes(mt)
    const machines = (await catalog.machineTypes()).filter(({ type }) => wanted === undefined || wanted.includes(type))
    const value = machines.map((machine) => machineTypeView(machine, true))
    return { updatesByMtByComp: { parameter: 'MTS', value }, status: STATUS }
  },
  async supportedMts({ catalog }) {
    const machines = await catalog.machineTypes()
    return { supportedMts: machines.map((machine) => machineTypeView(machine, false)), status: STATUS }
  },
  async size({ space }) {
    return { size: sizeView(await space()), status: STATUS }
  },
  async lastRefreshed({ catalog }) {
    return { lastRefreshed: wireTime(await catalog.readAt()), status: STATUS }
  },
  async importDir({ importDirectory }) {
    return { importDir: importDirectory, status: STATUS }
  },
  async publicKeys() {
    // Keys of package signatures: this server has none.
    return { publicKeys: [], status: STATUS }
  }
} as const satisfies Record<string, InformationKey>

export const UXSP_ANSWERS = {
  uxsps: (services, query, reply) => listing('uxsps', 'system-pack', services, query, reply),
  uxspsByMt: (services, query, reply) =>
    listingByMachineType('uxspsByMt', 'uxsps', 'system-pack', services, query, reply)
} as const satisfies Record<string, InformationKey>

async function listing(
  member: string,
  kind: PackageKind,
  services: Services,
  query: InformationQuery,
  reply: FastifyReply
): Promise<Readable> {
  const machineTypes = wantedTypes(query.mt)
  const filter = { ...filterOf(kind, query), ...(machineTypes === undefined ? {} : { machineTypes }) }
  return textStream(objectText({ [member]: packagesText(services, filter, query, reply), status: STATUS }))
}

async function listingByMachineType(
  member: string,
  inner: string,
  kind: PackageKind,
  services: Services,
  query: InformationQuery,
  reply: FastifyReply
): Promise<Readable> {
  const { catalog } = services
  const known = (await catalog.machineTypes()).map(({ type }) => type)
  const machineTypes = wantedTypes(query.mt) ?? known
  const filter = filterOf(kind, query)
  const totals = await catalog.packageTotals({ ...filter, machineTypes })
  async function* byMachineType(): AsyncGenerator<JsonText> {
    for (const mt of machineTypes) {
      yield objectText({ mt, [inner]: packagesText(services, { ...filter, machineTypes: [mt] }, query, reply) })
    }
  }
  const body = objectText({ ...listingCounters(totals), updates: arrayText(byMachineType()) })
  return textStream(objectText({ [member]: body, status: STATUS }))
}

function packagesText(
  { catalog }: Services,
  filter: PackageFilter,
  query: InformationQuery,
  reply: FastifyReply
): JsonText {
  const withFiles = query.payload !== undefined
  const serialize = reply.compileSerializationSchema(UPDATE_SCHEMA)
  async function* pages(): AsyncGenerator<string> {
    for await (const page of catalog.packagePages(filter)) {
      yield page.map((item) => serialize({ ...updateView(item, withFiles) })).join(',')
    }
  }
  return arrayText(pages())
}

function filterOf(kind: PackageKind, query: InformationQuery): PackageFilter {
  return { kind, latestOnly: query.with === 'latest' }
}

/** The machine types in upper case, as the catalog has them; undefined: all. */
function wantedTypes(mt: string | undefined): string[] | undefined {
  const types = listItems(mt?.toUpperCase())
  return types.length === 0 ? undefined : types
}

function sizeView({ freeBytes, usedBytes, allotmentBytes }: RepositorySpace) {
  return {
    freeSpace: freeBytes,
    usedSpace: usedBytes,
    allotment: allotmentBytes,
    highusage: usedBytes >= HIGH_USAGE * allotmentBytes ? 'high' : 'low'
  }
}

/** MM-DD-YYYY-HH:MM, in UTC. */
function wireTime(time: Date | undefined): string {
  if (time === undefined) return ''
  const [date = '', clock = ''] = time.toISOString().split('T')
  const [year, month, day] = date.split('-')
  return `${month}-${day}-${year}-${clock.slice(0, 5)}`
}
