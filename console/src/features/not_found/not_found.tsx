import { Button, Result } from "antd";
import { Link } from "react-router-dom";
import { useWords, words } from "../../words/language";

const own = words(
  { title: "There is no such page", overview: "To the overview" },
  { title: "没有这个页面", overview: "返回概览" },
);

export default function NotFound() {
  const word = useWords(own);
  return (
    <Result
      status="404"
      title={word.title}
      extra={
        <Link to="/">
          <Button type="primary">{word.overview}</Button>
        </Link>
      }
    />
  );
}
