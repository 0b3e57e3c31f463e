// A secret that the server shows once.
import { App, Alert, Typography } from "antd";
import { useCallback } from "react";
import { useWords, words } from "../words/language";

const own = words(
  { once: "It is shown now and never again: the server keeps a hash of it alone." },
  { once: "仅显示这一次：服务器只保存它的散列值。" },
);

export function useSecret() {
  const { modal } = App.useApp();
  const word = useWords(own);
  return useCallback(
    (title: string, secret: string) =>
      modal.success({
        title,
        width: 560,
        content: (
          <>
            <Typography.Paragraph code copyable className="secret">
              {secret}
            </Typography.Paragraph>
            <Alert type="warning" showIcon message={word.once} />
          </>
        ),
      }),
    [modal, word],
  );
}
