/** Packages, as our own API shows them. */
import { type Static, Type } from 'typebox'
import type { PackageSummary } from '../../../core/catalog/catalog.ts'
import type { CatalogProblem, PackageFile } from '../../../core/catalog/package.ts'

export const CatalogProblemView = Type.Object({
  path: Type.String({ description: 'In the repository.' }),
  code: Type.String({ description: 'The kind of problem.' }),
  text: Type.String({ description: 'A sentence with the particulars.' })
})

const FileView = Type.Object({
  path: Type.String({ description: 'In the repository.' }),
  role: Type.String(),
  size: Type.Integer({ description: 'Bytes.' }),
  crc32: Type.String({ description: 'Eight hexadecimal digits.' }),
  sha256: Type.String(),
  modifiedAt: Type.String({ description: 'ISO 8601, UTC.' }),
  href: Type.String({ description: 'Where the file can be downloaded, relative to the root of this server.' })
})

const summary = {
  fixid: Type.String(),
  kind: Type.String({ description: '`update` or `system-pack`.' }),
  name: Type.String(),
  version: Type.String(),
  buildNumber: Type.String(),
  category: Type.String(),
  severity: Type.String(),
  releaseDate: Type.String(),
  payloadState: Type.String({ description: '`present`, `missing`, or `none` for a pack without files of its own.' }),
  size: Type.Integer({ description: 'Bytes of all its files.' }),
  machineTypes: Type.Array(Type.String())
}

export const PackageView = Type.Object(summary, { title: 'PackageSummary' })

export const PackageDetail = Type.Object(
  {
    ...summary,
    description: Type.String(),
    updateType: Type.String(),
    rebootRequired: Type.String(),
    members: Type.Array(Type.String(), { description: 'The fixids of a system pack’s members.' }),
    requisites: Type.Array(Type.Object({ fixid: Type.String(), kind: Type.String() })),
    files: Type.Array(FileView),
    problems: Type.Array(CatalogProblemView, {
      description: 'What is wrong with its files, with what describes it, or with files that are named after it.'
    })
  },
  { title: 'Package' }
)

export function summaryView(item: PackageSummary): Static<typeof PackageView> {
  const { fixid, kind, name, version, buildNumber, category, severity, releaseDate, payloadState, size } = item
  const machineTypes = [...item.machineTypes]
  return { fixid, kind, name, version, buildNumber, category, severity, releaseDate, payloadState, size, machineTypes }
}

export function detailView(item: PackageSummary, problems: readonly CatalogProblem[]): Static<typeof PackageDetail> {
  const { fixid, description, updateType, rebootRequired, members, requisites, files } = item
  return {
    ...summaryView(item),
    description,
    updateType,
    rebootRequired,
    members: [...members],
    requisites: requisites.map(({ fixid, kind }) => ({ fixid, kind })),
    files: files.map((file) => fileView(fixid, file)),
    problems: [...problems]
  }
}

function fileView(fixid: string, file: PackageFile): Static<typeof FileView> {
  const { path, role, size, crc32, sha256, modifiedAt } = file
  return {
    path,
    role,
    size,
    crc32: crc32.toString(16).padStart(8, '0'),
    sha256,
    modifiedAt: new Date(modifiedAt * 1000).toISOString(),
    href: `/api/v1/packages/${encodeURIComponent(fixid)}/file?path=${encodeURIComponent(path)}`
  }
}
