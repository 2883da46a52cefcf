/** How a request names packages: one by the fixid in the path, several by filters in the query. */
import { type Static, Type } from 'typebox'
import type { CatalogReader, PackageFilter, PackageSummary } from '../../../core/catalog/catalog.ts'
import { Problem } from '../../../core/problems/problem.ts'
import { SAMPLE_FIXID, SAMPLE_MACHINE_TYPE } from '../../samples.ts'

export const PackageParams = Type.Object({
  fixid: Type.String({ minLength: 1, maxLength: 255, examples: [SAMPLE_FIXID], description: 'The fixid of a package.' })
})

/** @throws Problem PACKAGE_UNKNOWN */
export async function findPackage(catalog: CatalogReader, fixid: string): Promise<PackageSummary> {
  const found = await catalog.findPackage(fixid)
  if (found === undefined) throw new Problem('PACKAGE_UNKNOWN', `There is no package ${JSON.stringify(fixid)}.`)
  return found
}

export const FilterQuery = {
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      examples: ['xcc'],
      description: 'A part of the fixid, the name or the category; not case-sensitive.'
    })
  ),
  kind: Type.Optional(
    Type.String({
      enum: ['update', 'system-pack'],
      examples: ['update'],
      description: 'Only updates, or only system packs.'
    })
  ),
  machineType: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9]{4}$',
      examples: [SAMPLE_MACHINE_TYPE],
      description: 'a machine type of four characters, such as 7X05'
    })
  ),
  latest: Type.Optional(
    Type.String({
      enum: ['true', 'false'],
      examples: ['true'],
      description: '`true`: only the newest package of each product line.'
    })
  ),
  downloaded: Type.Optional(
    Type.String({
      enum: ['true', 'false'],
      examples: ['true'],
      description: 'Whether the payload is in the repository.'
    })
  )
}

const Query = Type.Object(FilterQuery)

export function filterOfQuery(query: Static<typeof Query>): PackageFilter {
  const { q, kind, machineType, latest, downloaded } = query
  return {
    ...(q === undefined ? {} : { search: q }),
    ...(kind === undefined ? {} : { kind: kind as 'update' | 'system-pack' }),
    ...(machineType === undefined ? {} : { machineTypes: [machineType.toUpperCase()] }),
    ...(downloaded === undefined ? {} : { isDownloaded: downloaded === 'true' }),
    latestOnly: latest === 'true'
  }
}
