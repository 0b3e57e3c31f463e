// The first start made the password and printed it. Whoever logs in with it is asked to set another one: at
// once, and above every page until it is done.
import { Alert, Button } from "antd";
import { useState } from "react";
import { changeOwnPassword, useSession } from "../api/session";
import { useWords, words } from "../words/language";
import { useAction } from "./action";
import { PasswordDialog } from "./password";

const own = words(
  {
    still: (user: string) => `The password of ${user} is still the one that the first start printed: terminals and logs may keep it.`,
    set: "Set a password of your own",
    help: "The one that was printed does not count any more then. Who is logged in with it elsewhere has to log in again.",
    done: "Your password is set",
  },
  {
    still: (user: string) => `${user} 的密码仍是首次启动时打印的密码：终端和日志中可能留有记录。`,
    set: "设置自己的密码",
    help: "之后打印过的密码将失效，在别处用它登录的会话需要重新登录。",
    done: "密码已设置",
  },
);

export function FirstPassword() {
  const word = useWords(own);
  const { user, has_first_password: isFirst } = useSession();
  const [isOpen, setOpen] = useState(true);
  const act = useAction();
  if (!isFirst) return null;
  const send = async (given: string | null, old: string) => {
    await changeOwnPassword(old, given);
    await act(async () => undefined, word.done);
  };
  return (
    <>
      <Alert
        banner
        type="warning"
        message={word.still(user)}
        action={
          <Button size="small" onClick={() => setOpen(true)}>
            {word.set}
          </Button>
        }
      />
      {isOpen && <PasswordDialog isOwn title={word.set} help={word.help} send={send} onClose={() => setOpen(false)} />}
    </>
  );
}
