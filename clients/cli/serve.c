/* sagabase serve: the server itself. */
#include "server/serve.h"

#include "clients/cli/command.h"

int serve(int argc, char **argv)
{
    return serve_main(argc, argv);
}
