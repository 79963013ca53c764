import { Failure } from '../../model/errors.js';
import type { ImageSpec, StepIO } from '../../ports.js';
import { classicBuild } from './classic-build.js';
import type { Connection } from './connection.js';
import { startPod } from './podman-pod.js';

/**
 * Builds with Podman's builder (buildah) as with Docker's classic one. It lets a RUN go on when the request breaks, and its
 * containers cannot be killed by name; so every RUN joins the PID namespace of a pod that ends with the build.
 */
export async function podmanBuild(
  connection: Connection,
  spec: ImageSpec,
  io: StepIO,
): Promise<{ id: string; cached: boolean }> {
  refuseNetwork(spec.options.network);
  await using pod = await startPod(connection, spec.tag, io);
  return await classicBuild(connection, { spec, more: podmanQuery(spec, pod.pidNamespace) }, io);
}

/** What Podman spells otherwise in `POST /build` (podman, pkg/api/handlers/compat/images_build.go). */
export function podmanQuery({ options }: ImageSpec, pidNamespace: string): Record<string, string> {
  const { addHosts, ulimits } = options;
  // Podman takes no networkmode; the machine's network is what it uses where it is given no namespaces.
  const namespaces = [
    { Name: 'pid', Host: false, Path: pidNamespace },
    { Name: 'network', Host: true, Path: '' },
  ];
  return {
    nsoptions: JSON.stringify(namespaces),
    extrahosts: JSON.stringify(addHosts),
    ...(ulimits.length > 0 && {
      ulimits: JSON.stringify(ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`)),
    }),
  };
}

function refuseNetwork(network: string | undefined): void {
  if (network === undefined || ['default', 'host'].includes(network)) return;
  throw new Failure(
    'NOT_SUPPORTED',
    `--network '${network}' is not for Podman: its API builds on the machine's network alone`,
  );
}
