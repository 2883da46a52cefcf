/** A package as the appliance's listings show it, and the counters around them. */
import { type Static, Type } from 'typebox'
import type { PackageSummary, PackageTotals } from '../../../core/catalog/catalog.ts'

export const UpdateView = Type.Object(
  {
    fixid: Type.String(),
    comp: Type.String({ description: 'The updated component.' }),
    buildNumber: Type.String(),
    name: Type.String(),
    version: Type.String(),
    releaseDate: Type.String(),
    severity: Type.String(),
    description: Type.String(),
    type: Type.String({ description: '`uxsp` for a system pack, else the type in the metadata.' }),
    rebootRequired: Type.String(),
    downloaded: Type.Boolean({ description: 'Whether the payload is in the repository, and not only the metadata.' }),
    size: Type.Integer({ description: 'Bytes of all its files in the repository.' }),
    mt: Type.Array(Type.String(), { description: 'Machine types.' }),
    preReq: Type.Array(Type.String()),
    coReq: Type.Array(Type.String()),
    supersedes: Type.Array(Type.String()),
    members: Type.Array(Type.String(), { description: 'The fixids of the members of a system pack.' }),
    files: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String({ description: 'Path in the repository.' }),
          role: Type.String(),
          size: Type.Integer(),
          sha256: Type.String()
        }),
        { description: 'With the flag `payload`.' }
      )
    )
  },
  { title: 'Update' }
)

export type UpdateView = Static<typeof UpdateView>

/** @param withFiles whether the flag `payload` was given */
export function updateView(item: PackageSummary, withFiles: boolean): UpdateView {
  const requisites = (kind: string) => item.requisites.filter((other) => other.kind === kind).map(({ fixid }) => fixid)
  return {
    fixid: item.fixid,
    comp: item.category,
    buildNumber: item.buildNumber,
    name: item.name,
    version: item.version,
    releaseDate: item.releaseDate,
    severity: item.severity,
    description: item.description,
    type: item.kind === 'system-pack' ? 'uxsp' : item.updateType,
    rebootRequired: item.rebootRequired,
    downloaded: item.payloadState !== 'missing',
    size: item.size,
    mt: [...item.machineTypes],
    preReq: requisites('prerequisite'),
    coReq: requisites('corequisite'),
    supersedes: requisites('superseded'),
    members: [...item.members],
    ...(withFiles
      ? { files: item.files.map(({ path, role, size, sha256 }) => ({ name: path, role, size, sha256 })) }
      : {})
  }
}

/**
 * The counters before the updates of `updatesByMt`, as on an appliance: sizes are 1 when there are no packages.
 */
export function listingCounters(totals: PackageTotals) {
  const size = Math.max(totals.bytes, 1)
  return {
    state: 'complete',
    progress: 100,
    current: '',
    total: totals.packages,
    downloadednum: totals.downloadedPackages,
    totalsize: size,
    downloadedsize: size,
    jobid: -1
  }
}
